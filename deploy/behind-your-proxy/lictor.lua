-- Asks Lictor whether a request may go on: http-request lua.lictor http://LICTOR TOKEN
-- Sets txn.lictor_yes, and then txn.lictor_user, txn.lictor_roles and txn.lictor_authorization.

-- What belongs to the caller's connection or body, and what only this script may say.
local kept_back = {
    ["connection"] = true, ["keep-alive"] = true, ["te"] = true, ["trailer"] = true, ["upgrade"] = true, ["expect"] = true,
    ["transfer-encoding"] = true, ["content-length"] = true, ["content-type"] = true, ["content-encoding"] = true,
    ["x-original-method"] = true, ["x-original-uri"] = true, ["x-lictor-token"] = true,
}

local function question(txn, token)
    local headers = {}
    for name, values in pairs(txn.http:req_get_headers()) do
        if not kept_back[name] and not name:find("^sec%-websocket%-") then
            headers[name] = {}
            for _, value in pairs(values) do
                table.insert(headers[name], value)
            end
        end
    end
    headers["x-lictor-token"] = { token }
    headers["x-original-method"] = { txn.sf:method() }
    headers["x-original-uri"] = { txn.sf:pathq() }
    return headers
end

local function said(answer, name)
    local values = answer.headers[name]
    return values and values[0] or "-"
end

core.register_action("lictor", { "http-req" }, function(txn, address, token)
    txn:set_var("txn.lictor_yes", false)
    local url = address .. "/lictor/decide/haproxy"
    local answer = core.httpclient():get({ url = url, headers = question(txn, token), timeout = 10000 })
    if answer and answer.status == 200 then
        txn:set_var("txn.lictor_user", said(answer, "x-lictor-user"))
        txn:set_var("txn.lictor_roles", said(answer, "x-lictor-roles"))
        txn:set_var("txn.lictor_authorization", said(answer, "authorization"))
        txn:set_var("txn.lictor_yes", true)
    end
end, 2)

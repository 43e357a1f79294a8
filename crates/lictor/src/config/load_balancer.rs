//! Which AWS load balancer stands in front of us? The part of an `[edges.NAME]` table that only `preset = "alb"` has.

use lictor_authn::oidc::endpoint::Endpoint;
use lictor_authn::oidc::provider::Proof;

use super::written::Section;

/// How it proves whom it vouches for.
pub(super) fn proof(section: &mut Section<'_>) -> Option<Proof> {
    let signer = section.text("signer").and_then(|found| found.read(|text| is_arn(&text).map(|()| text)));
    if signer.is_none() {
        section.problem(
            "signer",
            "is missing or unusable: the ARN of the load balancer in front of this gateway; without it anybody's load balancer would do",
        );
    }
    let read = |url: &str| Endpoint::parse(url).map_err(|error| error.to_string());
    let keys = match section.text("keys_url") {
        Some(found) => found.read(|url| read(&url)).map(|found| found.value),
        None => match signer.as_ref().and_then(|signer| keys_of(&signer.value)).map(|url| read(&url)) {
            Some(Ok(keys)) => Some(keys),
            Some(Err(what)) => {
                section.problem("signer", what);
                None
            }
            None => {
                if signer.is_some() {
                    section.problem("keys_url", "is missing: outside the regions of arn:aws: say where the public keys are, without the key's id");
                }
                None
            }
        },
    };
    let trusts_email = section.flag("trust_email").is_some_and(|found| found.value);
    Some(Proof::LoadBalancer { keys: keys?, signer: signer?.value, trusts_email })
}

fn is_arn(text: &str) -> Result<(), String> {
    arn(text).map(drop)
}

/// Partition and region of a load balancer's ARN.
fn arn(text: &str) -> Result<(&str, &str), String> {
    let wrong = || {
        format!(
            "{text:?} is not the ARN of a load balancer, as in arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/NAME/ID"
        )
    };
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        ["arn", partition, "elasticloadbalancing", region, account, resource]
            if is_name(region)
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && resource.starts_with("loadbalancer/app/") =>
        {
            Ok((partition, region))
        }
        _ => Err(wrong()),
    }
}

/// Where the keys of a region are; other partitions have addresses of other shapes.
fn keys_of(signer: &str) -> Option<String> {
    let (partition, region) = arn(signer).ok()?;
    (partition == "aws").then(|| format!("https://public-keys.auth.elb.{region}.amazonaws.com"))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_where_the_keys_are() {
        let good = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/prefect/50dc6c495c0c9188";
        assert_eq!(keys_of(good).unwrap(), "https://public-keys.auth.elb.eu-west-1.amazonaws.com");
        assert_eq!(keys_of(&good.replace("arn:aws:", "arn:aws-us-gov:")), None);
        for bad in [
            good.replace("eu-west-1", "evil.example/"),
            good.replace("eu-west-1", ""),
            good.replace("/app/", "/net/"),
            good.replace("123456789012", "me"),
            format!("{good}:x"),
            "prefect".to_owned(),
        ] {
            assert!(arn(&bad).is_err() && keys_of(&bad).is_none(), "{bad}");
        }
    }
}

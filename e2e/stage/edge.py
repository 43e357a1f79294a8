"""Which real proxies may stand in front, and do they take the path's prefix away or pass it on? Debian's nginx and caddy, as documented."""

import shutil
import subprocess
from pathlib import Path

from . import http
from .wait import until

PREFIX = "/prefect"
# docs/guides/production.md shows the inner part of these; `target` ends with a slash where the prefix is stripped.
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  map $http_upgrade $connection_upgrade {{ default upgrade; "" close; }}
  server {{
    listen 127.0.0.1:{port};
    location {prefix}/ {{
      proxy_pass {target};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_read_timeout 1h;
      proxy_request_buffering off;
    }}
  }}
}}
"""
CADDY = """
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  redir {prefix} {prefix}/
  {handle} {prefix}/* {{
    reverse_proxy {target}
  }}
}}
"""
KINDS = ("nginx strips", "nginx passes", "caddy strips", "caddy passes")


class Edge:
    """One proxy in front of a gateway, ended with `stop`."""

    def __init__(self, kind: str, folder: Path, port: int, gateway: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.port, self.log = port, folder / "edge.log"
        program, strips = kind.split()[0], kind.endswith("strips")
        config = folder / program
        if program == "nginx":
            config.write_text(NGINX.format(folder=folder, port=port, prefix=PREFIX, target=gateway + ("/" if strips else "")))
            command = [shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx", "-e", str(self.log), "-c", str(config)]
        else:
            config.write_text(CADDY.format(port=port, prefix=PREFIX, target=gateway, handle="handle_path" if strips else "handle"))
            command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": str(folder)})

    def wait(self) -> "Edge":
        """Waits until the gateway answers through it."""
        until(f"the gateway answers through {self.process.args}", lambda: http.ask(self.port, "GET", f"{PREFIX}/lictor/ready", timeout=2).status == 200, 30)
        return self

    def stop(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait(10)

"""What is measured: PostgreSQL servers that scripts/cluster has started, and a router over them."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request


class Cluster:
    """A running set of PostgreSQL servers, as scripts/cluster lists it."""

    def __init__(self, directory):
        self.directory = directory
        self.primaries = []
        self.shards = []  # their names, in the same order
        with open(os.path.join(directory, "servers.tsv"), encoding="utf-8") as rows:
            for row in rows:
                fields = row.rstrip("\n").split("\t")
                if len(fields) >= 4 and fields[1] == "primary":
                    self.primaries.append(int(fields[3]))
                    self.shards.append(fields[2])

    def psql(self, port, *statements):
        """The command that runs `statements` on the server at `port`."""
        command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port or self.primaries[0]), "-U",
                   "shardplex", "-d", "movies"]
        for statement in statements:
            command += ["-c", statement]
        return command

    def sql(self, statement, port=None):
        return subprocess.run(self.psql(port, statement), check=True, capture_output=True, text=True).stdout.strip()

    def forget_inserted(self, movies):
        """Deletes the films that a measurement has inserted, or an earlier one that was interrupted."""
        for port in self.primaries:
            self.sql("DELETE FROM movies WHERE id > %d" % movies, port)

    @property
    def map_file(self):
        return os.path.join(self.directory, "map.yaml")


class Router:
    """shardplexd on free ports over a cluster's map."""

    def __init__(self, programs, cluster, *options):
        self.log = tempfile.NamedTemporaryFile("w+", prefix="shardplexd-bench-", suffix=".log")
        command = [os.path.join(programs, "shardplexd"), "--map", cluster.map_file, "--port", "0", "--admin-port", "0",
                   *options]
        self.process = subprocess.Popen(command, stderr=self.log)
        self.port = self.admin_port = None
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not self._ready():
            if self.process.poll() is not None:
                sys.exit("bench: shardplexd stopped: " + open(self.log.name, encoding="utf-8").read())
            time.sleep(0.05)
        if not self._ready():
            sys.exit("bench: shardplexd was not ready within 30 s")

    def _ready(self):
        if self.port is None:
            for line in open(self.log.name, encoding="utf-8"):
                if '"listening"' in line:
                    fields = json.loads(line)
                    self.port, self.admin_port = fields["port"], fields["admin_port"]
        if self.port is None:
            return False
        try:
            return urllib.request.urlopen("http://127.0.0.1:%d/ready?strict" % self.admin_port).status == 200
        except OSError:
            return False

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self, field):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as status:
            return int(re.search(field + r":\s+(\d+) kB", status.read()).group(1)) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

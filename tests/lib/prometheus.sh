# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Run Debian's Prometheus on loopback, with our rules.  Sourced, in a temporary directory.
#
#	start_prometheus TARGET...	scrape each ADDRESS:PORT every ${scrape_interval:-1s}: $prometheus
#	moment			for $at
#	query EXPRESSION		its answer now, or at the moment $at: so that later scrapes do not change it
# shellcheck disable=SC2154,SC2034 # of tests/lib/export.sh, and for those who source this

prometheus='' at=''

start_prometheus() {
	cat >prometheus.yml <<-END
		global: {scrape_interval: ${scrape_interval:-1s}, scrape_timeout: ${scrape_interval:-1s}, evaluation_interval: 1s}
		rule_files: ["${top:?}/tools/exporter/monitoring/rules.yml"]
		scrape_configs:
		  - job_name: exitstat
		    static_configs: [{targets: [$(printf '"%s",' "$@")]}]
	END
	prometheus --config.file=prometheus.yml --storage.tsdb.path=tsdb --web.listen-address=127.0.0.1:0 \
		>prometheus.log 2>&1 &
	wait_for grep -q 'msg="Server is ready' prometheus.log || { cat prometheus.log; return 1; }
	prometheus=http://$(sed -n 's/.*msg="Listening on" address=//p' prometheus.log)
}

query() { python3 "$top/tests/lib/prom.py" "$prometheus" query "$1" ${at:+"$at"}; }

# The newest moment of which all scrapes are done.
moment() { echo $(($(date +%s) - 2)); }

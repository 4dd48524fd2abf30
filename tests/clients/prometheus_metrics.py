"""Scrapes a URL and reads the text with `prometheus-client`, the vendor's own parser.

    prometheus_metrics.py URL

Guarantees: the parser reads everything itself; what it cannot read ends the driver. It prints one
line of JSON: the content type, and each family with its name, type, help and samples. Not covered:
what the numbers should be.
"""

import json
import sys
from urllib.request import ProxyHandler, build_opener

from prometheus_client.parser import text_string_to_metric_families


def main(url):
    with build_opener(ProxyHandler({})).open(url, timeout=30) as response:
        content_type, text = response.headers["content-type"], response.read().decode()
    families = [family_of(metric) for metric in text_string_to_metric_families(text)]
    print(json.dumps({"content_type": content_type, "families": families}))


def family_of(metric):
    # The parser takes the end off the name of a counter, as OpenMetrics does.
    name = metric.name + ("_total" if metric.type == "counter" else "")
    samples = [[sample.name, sample.labels, sample.value] for sample in metric.samples]
    return {"name": name, "type": metric.type, "help": metric.documentation, "samples": samples}


main(sys.argv[1])

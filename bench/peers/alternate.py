def ratios(build, text, say):
    return {"alternations": 0, "skipped": {}, "measured": []}

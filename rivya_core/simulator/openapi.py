def openapi_document(base_url: str) -> dict[str, object]:
    return {}

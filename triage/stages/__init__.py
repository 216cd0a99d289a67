"""The stages that an alert passes through, strung together by `pipeline`. They never import each other, nor an edge;
`model_calls` is below them and shared."""

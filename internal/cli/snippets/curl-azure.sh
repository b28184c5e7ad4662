curl -sN '{{URL}}/openai/deployments/{{MODEL}}/chat/completions?api-version=2024-10-21' -H 'api-key: {{KEY}}' -H 'content-type: application/json' \
     -d '{"messages": [{"role": "user", "content": "Hello"}], "max_completion_tokens": 50, "stream": true}'

curl -s {{URL}}/openai/v1/chat/completions -H 'api-key: {{KEY}}' -H 'content-type: application/json' \
     -d '{"model": "{{MODEL}}", "messages": [{"role": "user", "content": "Hello"}], "max_completion_tokens": 50}'

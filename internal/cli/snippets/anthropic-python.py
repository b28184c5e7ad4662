# pip install anthropic
from anthropic import Anthropic

client = Anthropic(base_url="{{URL}}/anthropic", api_key="{{KEY}}")
message = client.messages.create(
    model="claude-sonnet-4-5",
    max_tokens=100,
    messages=[{"role": "user", "content": "Hello"}],
)
print(message.content[0].text)

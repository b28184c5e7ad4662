# pip install openai
from openai import OpenAI

client = OpenAI(base_url="{{URL}}/openai/v1", api_key="{{KEY}}")
stream = client.chat.completions.create(
    model="{{MODEL}}",
    messages=[{"role": "user", "content": "Hello"}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:  # the first chunk is the content filter's, with no choices
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()

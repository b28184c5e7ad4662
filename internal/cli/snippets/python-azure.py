# pip install openai
from openai import AzureOpenAI

client = AzureOpenAI(azure_endpoint="{{URL}}", api_key="{{KEY}}", api_version="2024-10-21")
answer = client.chat.completions.create(
    model="{{MODEL}}",  # the deployment's name
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)

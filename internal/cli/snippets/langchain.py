# pip install langchain-openai
from langchain_openai import ChatOpenAI

model = ChatOpenAI(model="{{MODEL}}", base_url="{{URL}}/openai/v1", api_key="{{KEY}}")
for chunk in model.stream("Hello"):
    print(chunk.content, end="", flush=True)
print()

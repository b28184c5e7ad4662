# pip install semantic-kernel
import asyncio

from openai import AsyncOpenAI
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion


async def main():
    kernel = Kernel()
    client = AsyncOpenAI(base_url="{{URL}}/openai/v1", api_key="{{KEY}}")
    kernel.add_service(OpenAIChatCompletion(ai_model_id="{{MODEL}}", async_client=client))
    print(await kernel.invoke_prompt("Hello"))


asyncio.run(main())

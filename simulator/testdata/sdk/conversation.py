"""A conversation that uses a tool and is streamed, with LangChain. Only base URL and key are those of a simulator: they are the arguments."""
import sys
from typing import Literal

from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def get_weather(city: str, unit: Literal["Celsius", "Fahrenheit"]) -> str:
    """The weather of a city."""
    return f"18 degrees {unit} and sunny in {city}"


model = ChatOpenAI(model="gpt-4.1", base_url=sys.argv[1], api_key=sys.argv[2], max_tokens=60).bind_tools([get_weather])
messages = [SystemMessage("You help travellers."), HumanMessage("What is the weather in Paris?")]
for turn in range(2):
    print(f"> {messages[-1].content}\n")
    while True:
        answer, pieces = None, 0
        for chunk in model.stream(messages):
            answer, pieces = chunk if answer is None else answer + chunk, pieces + 1
        assert pieces > 2, "it did not stream"
        messages.append(answer)
        if not answer.tool_calls:
            break
        for call in answer.tool_calls:
            result = get_weather.invoke(call["args"])
            print(f"calls {call['name']}({call['args']})\n{'':6}-> {result}\n")
            messages.append(ToolMessage(result, tool_call_id=call["id"]))
    assert answer.content
    print(f"{answer.content}\n")
    messages.append(HumanMessage("And the weather tomorrow?"))

"""What programs do with the anthropic package, against a simulator whose URL and key are the first
arguments; the third is the error of a backend that nobody reaches. Prints a line for each."""
import sys

import anthropic

client = anthropic.Anthropic(base_url=sys.argv[1] + "/anthropic", api_key=sys.argv[2])
tools = [{"name": "get_weather", "description": "Weather of a city.", "input_schema": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}]


def hello(text="Hello"):
    return [{"role": "user", "content": text}]


def chat():
    answer = client.messages.create(model="claude", max_tokens=20, messages=hello())
    assert answer.content[0].text and answer.usage.output_tokens <= 20, answer
    assert client.messages.count_tokens(model="claude", messages=hello()).input_tokens > 0


def stream():
    with client.messages.stream(model="claude", max_tokens=50, messages=hello()) as answer:
        text = "".join(answer.text_stream)
        assert text and answer.get_final_message().content[0].text == text


def tool_loop():
    messages = hello("What is the weather in Paris?")
    first = client.messages.create(model="claude", max_tokens=4000, messages=messages, tools=tools)
    assert first.stop_reason == "tool_use", first
    call = next(block for block in first.content if block.type == "tool_use")
    assert "city" in call.input, call
    messages += [{"role": "assistant", "content": first.content},
                 {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"}]}]
    assert client.messages.create(model="claude", max_tokens=4000, messages=messages, tools=tools).stop_reason == "end_turn"


def errors():
    def fails(kind, fault=None, **more):
        try:
            headers = {"x-foundrylab-fault": fault} if fault else {}
            client.with_options(max_retries=0).messages.create(**{"model": "claude", "max_tokens": 9, "messages": hello(), "extra_headers": headers, **more})
        except kind as e:
            return e
        raise AssertionError(f"no {kind}")
    fails(anthropic.NotFoundError, model="nobody")
    fails(anthropic.BadRequestError, messages=[])
    fails(anthropic.RateLimitError, model="claude-429", fault="status=429")
    fails(anthropic.InternalServerError, model="claude-503", fault="status=503")
    fails(getattr(anthropic, sys.argv[3]), model="claude-outage", fault="outage")
    try:
        client.with_options(api_key="wrong", max_retries=0).messages.create(model="claude", max_tokens=9, messages=hello())
        raise AssertionError("a wrong key is good")
    except anthropic.AuthenticationError:
        pass


for does in chat, stream, tool_loop, errors:
    does()
    print("ok", "anthropic", does.__name__, flush=True)

"""What programs do with the openai package, against a simulator whose URL and key are the first
arguments; the third is the error of a backend that nobody reaches. Prints a line for each."""
import json
import sys
import time

import openai
from pydantic import BaseModel

url = sys.argv[1]
plain = dict(base_url=url + "/openai/v1", api_key=sys.argv[2])
azure = dict(azure_endpoint=url, api_key=sys.argv[2], api_version="2025-04-01-preview")
tools = [{"type": "function", "function": {"name": "get_weather", "description": "Weather of a city.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}}, "required": ["city", "unit"], "additionalProperties": False}}}]


class Event(BaseModel):
    name: str
    day: int
    people: list[str]


def hello(text="Hello"):
    return [{"role": "user", "content": text}]


def chat(client):
    answer = client.chat.completions.create(model="chat", messages=hello(), max_tokens=20)
    assert answer.choices[0].message.content and answer.usage.completion_tokens <= 20, answer


def stream(client):
    text, usage = "", None
    for chunk in client.chat.completions.create(model="chat", messages=hello(), stream=True, stream_options={"include_usage": True}):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        usage = chunk.usage or usage
    assert text and usage.completion_tokens > 0, (text, usage)


def tool_loop(client):
    messages = hello("What is the weather in Paris?")
    first = client.chat.completions.create(model="chat", messages=messages, tools=tools).choices[0]
    assert first.finish_reason == "tool_calls", first
    call = first.message.tool_calls[0]
    assert json.loads(call.function.arguments)["unit"] in ("C", "F"), call
    messages += [first.message, {"role": "tool", "tool_call_id": call.id, "content": "18 degrees"}]
    last = client.chat.completions.create(model="chat", messages=messages, tools=tools).choices[0]
    assert last.finish_reason == "stop" and last.message.content, last


def parsed(client):
    answer = client.chat.completions.parse(model="chat", messages=hello("When is the fair?"), response_format=Event)
    assert isinstance(answer.choices[0].message.parsed, Event), answer


def embeddings(client):
    one = client.embeddings.create(model="embed", input=["a cat", "a cat"])
    assert len(one.data[0].embedding) == 1536 and one.data[0].embedding == one.data[1].embedding
    short = client.embeddings.create(model="embed", input="a cat", dimensions=8, encoding_format="float")
    assert len(short.data[0].embedding) == 8


def chain(client):
    previous, tokens = None, 0
    for turn in range(6):
        answer = client.responses.create(model="chat", input=f"Turn {turn}", previous_response_id=previous)
        assert answer.status == "completed" and answer.output_text and answer.usage.input_tokens > tokens, answer
        previous, tokens = answer.id, answer.usage.input_tokens
    assert client.responses.retrieve(previous).id == previous
    with client.responses.stream(model="chat", input="And now?", previous_response_id=previous) as events:
        kinds = [event.type for event in events]
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds


def retry(client):
    """The SDK waits as long as it is told to. The service has windows, so a refusal that comes late in one is let go."""
    once, wait = client.with_options(max_retries=0), 0
    for _ in range(50):
        try:
            once.chat.completions.create(model="tight", messages=hello(), max_tokens=2)
        except openai.RateLimitError as e:
            wait = int(e.response.headers["retry-after-ms"])
            if wait > 400:
                break
            time.sleep(wait / 1000)
    assert 400 < wait <= 1000, wait
    began = time.monotonic()
    raw = client.with_options(max_retries=3).chat.completions.with_raw_response.create(model="tight", messages=hello(), max_tokens=2)
    assert raw.retries_taken >= 1 and 0.2 < time.monotonic() - began < 3, (raw.retries_taken, time.monotonic() - began)


def cancellation(client):
    answer = client.chat.completions.create(model="slow", messages=hello("cancelled"), stream=True, max_tokens=500)
    for n, _ in enumerate(answer):
        if n == 4:
            answer.close()
            break


def errors(client):
    def fails(kind, **more):
        try:
            client.with_options(max_retries=0).chat.completions.create(**{"model": "chat", "messages": hello(), **more})
        except kind as e:
            return e
        raise AssertionError(f"no {kind}")
    assert fails(openai.NotFoundError, model="nobody").code == "DeploymentNotFound"
    assert fails(openai.BadRequestError, temperature=9).param == "temperature"
    filtered = fails(openai.BadRequestError, extra_headers={"x-foundrylab-filter": "violence=high"})
    assert filtered.code == "content_filter" and filtered.body["innererror"]["content_filter_result"]["violence"]["filtered"], filtered.body
    fails(openai.RateLimitError, model="chat-429", extra_headers={"x-foundrylab-fault": "status=429"})
    fails(openai.InternalServerError, model="chat-503", extra_headers={"x-foundrylab-fault": "status=503"})
    fails(openai.PermissionDeniedError, model="chat-403", extra_headers={"x-foundrylab-fault": "status=403"})
    fails(getattr(openai, sys.argv[3]), model="chat-outage", extra_headers={"x-foundrylab-fault": "outage"})
    fails(openai.APITimeoutError, extra_headers={"x-foundrylab-fault": "latency=5s"}, timeout=0.2)
    try:
        client.with_options(api_key="wrong", max_retries=0).chat.completions.create(model="chat", messages=hello())
        raise AssertionError("a wrong key is good")
    except openai.AuthenticationError:
        pass


for name, client in ("plain", openai.OpenAI(**plain)), ("azure", openai.AzureOpenAI(**azure)):
    for does in chat, stream, tool_loop, parsed, embeddings, chain, retry, cancellation, errors:
        does(client)
        print("ok", name, does.__name__, flush=True)

// npm install openai
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "{{URL}}/openai/v1", apiKey: "{{KEY}}" });
const stream = await client.chat.completions.create({
  model: "{{MODEL}}",
  messages: [{ role: "user", content: "Hello" }],
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? ""); // the first chunk is the content filter's, with no choices
}
console.log();

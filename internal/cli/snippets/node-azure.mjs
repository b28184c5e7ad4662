// npm install openai
import { AzureOpenAI } from "openai";

const client = new AzureOpenAI({ endpoint: "{{URL}}", apiKey: "{{KEY}}", apiVersion: "2024-10-21" });
const answer = await client.chat.completions.create({
  model: "{{MODEL}}", // the deployment's name
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.choices[0].message.content);

// dotnet add package Microsoft.SemanticKernel
#pragma warning disable SKEXP0010 // an endpoint of one's own
using Microsoft.SemanticKernel;

var kernel = Kernel.CreateBuilder()
    .AddOpenAIChatCompletion("{{MODEL}}", new Uri("{{URL}}/openai/v1"), "{{KEY}}")
    .Build();
Console.WriteLine(await kernel.InvokePromptAsync("Hello"));

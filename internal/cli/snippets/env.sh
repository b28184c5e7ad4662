# what the SDKs of OpenAI, Azure OpenAI and Anthropic read: eval "$(foundrylab snippets env)"
export OPENAI_BASE_URL={{URL}}/openai/v1
export OPENAI_API_KEY={{KEY}}
export AZURE_OPENAI_ENDPOINT={{URL}}
export AZURE_OPENAI_API_KEY={{KEY}}
export OPENAI_API_VERSION=2024-10-21
export ANTHROPIC_BASE_URL={{URL}}/anthropic
export ANTHROPIC_API_KEY={{KEY}}

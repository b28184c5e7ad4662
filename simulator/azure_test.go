package simulator

import (
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"

	"foundrylab/simulator/deployment"
)

// The Azure client of the SDK finds its way: it puts the deployment into the path and the key into its header.
func TestAzureClient(t *testing.T) {
	_, server := live(t, Config{Deployments: []deployment.Config{swift("chat-prod")}})
	client := openai.NewClient(azure.WithEndpoint(server.URL, "2024-10-21"), azure.WithAPIKey("foundrylab-key"),
		azure.WithUnsafeAllowHTTP(), option.WithMaxRetries(0))
	converse(t, &client)
}

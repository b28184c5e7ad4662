package simulator

import (
	"foundrylab/internal/ops"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/content"
)

// operation is what the simulator knows of an API operation beside internal/ops: one line of the table for each.
type operation struct {
	name   string                                          // of the ops.Operation
	needs  catalog.Ability                                 // what a model must be able to do
	wanted func(p *ops.Peeked) (output int32, choices int) // tokens of each answer, negative for as many as come; answers made
	recall func(c *call) *content.Answer                   // puts what the request builds upon before it; nil: it builds upon nothing
	refuse func(c *call) *content.Answer                   // what the model has against the request; nil: nothing
	tools  func(p *ops.Peeked) (toolUse, *content.Answer)  // what it says of tools; nil: it has none
	form   func(d *director) *content.Answer               // writes the answer that response_format wants; nil: it has none
	writer func(c *call, r content.Reply) content.Writer   // of the answer
}

var operations = []operation{
	{"ChatCompletions_Create", catalog.Chat, wantedChoices, nil, refuseLong, chatTools, chatForm, writeChat},
	{"Completions_Create", catalog.Completion, wantedCandidates, nil, refuseCompletion, nil, nil, writeCompletion},
	{"Embeddings_Create", catalog.Embedding, wantedNothing, nil, refuseEmbeddings, nil, nil, writeEmbeddings},
	{"Messages_Create", catalog.Messages, wantedChoices, nil, refuseLong, messageTools, nil, writeMessage},
	{"Responses_Create", catalog.Responses, wantedChoices, recallResponse, refuseResponse, responseTools, responseFormat, writeResponse},
}

// operationOf returns a copy of the line of an operation; a test sees that each has one.
func operationOf(op *ops.Operation) *operation {
	for _, line := range operations {
		if line.name == op.Name {
			return &line
		}
	}
	panic("simulator: no line for operation " + op.Name)
}

func wantedChoices(p *ops.Peeked) (int32, int)    { return -1, p.N }
func wantedCandidates(p *ops.Peeked) (int32, int) { return -1, max(p.N, p.BestOf) * len(p.Inputs) }
func wantedNothing(*ops.Peeked) (int32, int)      { return 0, 1 }

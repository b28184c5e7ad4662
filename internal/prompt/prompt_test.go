package prompt

import (
	"testing"

	"foundrylab/internal/ops"
	"foundrylab/internal/tokens"
)

func TestEveryOperationHasARule(t *testing.T) {
	for i := range ops.All {
		if r := Of(ops.All[i].Name); r.Estimate == nil || r.Count == nil {
			t.Errorf("%s: %+v", ops.All[i].Name, r)
		}
	}
	if len(rules) != len(ops.All) {
		t.Errorf("%d rules for %d operations", len(rules), len(ops.All))
	}
}

// What the service says of such prompts, by OpenAI's cookbook, and what its limits take them for.
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		op, model, body string
		estimate, count int
	}{
		{"ChatCompletions_Create", "gpt-4o", `{"messages":[{"role":"user","content":"hello world"}]}`, 3, 3 + 1 + 2 + 1 + 2},
		{"ChatCompletions_Create", "gpt-4o", `{"messages":[]}`, 0, 3},
		{"Completions_Create", "davinci-002", `{"prompt":["hello world","hello"]}`, 3 + 2, 2 + 1},
		{"Embeddings_Create", "text-embedding-3-small", `{"input":["hello world",[1,2,3]]}`, 3 + 3, 2 + 3},
		{"Embeddings_Create", "text-embedding-3-small", `{"input":[[1,2,3],[4]]}`, 3 + 1, 3 + 1},
		{"Messages_Create", "gpt-4o", `{"max_tokens":1,"messages":[{"role":"user","content":"hello world"}]}`, 3, 9},
		{"Responses_Create", "gpt-4o", `{"input":"hello world"}`, 3, 9},
	} {
		model, _ := tokens.ModelNamed(c.model)
		counter, err := tokens.NewBPE(model.Encoding)
		if err != nil {
			t.Fatal(err)
		}
		for i := range ops.All {
			if op := &ops.All[i]; op.Name == c.op {
				p, _ := op.Peek(new(ops.Peeker), []byte(c.body))
				r := Of(op.Name)
				if estimate, count := r.Estimate(&p), r.Count(&model, counter, &p); estimate != c.estimate || count != c.count {
					t.Errorf("%s %s: taken for %d and %d, want %d and %d", c.op, c.body, estimate, count, c.estimate, c.count)
				}
			}
		}
	}
}

package simulator

import (
	"fmt"

	"foundrylab/internal/ops"
	"foundrylab/simulator/content"
)

func writeChat(_ *call, r content.Reply) content.Writer { return content.NewChat(r) }

// writeCompletion shows n of the answers made for each prompt.
func writeCompletion(c *call, r content.Reply) content.Writer {
	r.Made = r.Choices
	r.Choices = c.peeked.N * len(c.peeked.Inputs)
	var echo []string
	if c.peeked.Echo {
		for _, input := range c.peeked.Inputs {
			echo = append(echo, input.Text)
		}
	}
	return content.NewCompletion(r, echo)
}

// refuseCompletion refuses what is too long, or too many answers at once.
func refuseCompletion(c *call) *content.Answer {
	if _, made := wantedCandidates(c.peeked); made > ops.MaxChoices {
		return invalid("n", "", fmt.Sprintf("Invalid 'n': %d completions were requested in all, the maximum is %d.", made, ops.MaxChoices))
	}
	return refuseLong(c)
}

// refuseLong refuses what does not fit the model's context window.
func refuseLong(c *call) *content.Answer {
	if prompt, window := int(c.prompt), c.model.Context; prompt > window && !c.srv.lenient {
		a := content.ContextLengthExceeded(window, prompt)
		return &a
	}
	return nil
}

// invalid is a refusal of the engine for one parameter.
func invalid(param, code, message string) *content.Answer {
	a := content.InvalidRequest(&ops.InvalidRequest{Message: message, Param: param, Code: code})
	return &a
}

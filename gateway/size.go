package gateway

import (
	"math"
	"strings"

	"foundrylab/internal/ops"
	"foundrylab/internal/tokens"
)

// vocabulary is how the tokens of a model are counted; nil: of one whose name says nothing, like those of the newest.
func vocabulary(model string) *tokens.Model {
	name, _, _ := strings.Cut(model, "@")
	m, ok := tokens.ModelNamed(name)
	if !ok {
		return nil
	}
	return &m
}

// promptTokens counts a prompt as its model does, so far as it is text.
func (s *poolSettings) promptTokens(rt *route, called string, p *ops.Peeked) int32 {
	model := s.vocabulary
	if model == nil {
		if model = vocabulary(called); model == nil {
			newest := tokens.ModelOrNewest("")
			model = &newest
		}
	}
	counter, err := tokens.NewBPE(model.Encoding)
	if err != nil { // the vocabularies are part of the binary
		return int32(min(rt.size.Estimate(p), math.MaxInt32))
	}
	return int32(min(rt.size.Count(model, counter, p), math.MaxInt32))
}

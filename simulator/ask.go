package simulator

import (
	"strings"

	"foundrylab/internal/ops"
	"foundrylab/simulator/content"
	"foundrylab/simulator/fault"
)

// faultHeader asks for a fault of this one request, as status=503.
const faultHeader = "X-Foundrylab-Fault"

// wishless returns a deployment's name without the fault that may be asked for behind it, as gpt-4.1!status=503: for
// clients that cannot set a header.
func (c *call) wishless(name string) string {
	name, wish, found := strings.Cut(name, "!")
	if found {
		c.wish = wish
	}
	return name
}

// asked returns the fault that the request asks for, by header or by name; false: it was not understood, which is
// answered.
func (c *call) asked() (fault.Ask, bool) {
	param, wish := faultHeader, c.r.Header.Get(faultHeader)
	if wish == "" {
		param, wish = "model", c.wish
	}
	if wish == "" {
		return fault.Ask{}, true
	}
	ask, err := fault.ParseAsk(wish)
	if err != nil {
		c.answer(content.InvalidRequest(&ops.InvalidRequest{Message: "The fault that was asked for is not understood: " + err.Error() + ".",
			Param: param, Code: "invalid_fault"}))
		return fault.Ask{}, false
	}
	return ask, true
}

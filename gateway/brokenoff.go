package gateway

import (
	"fmt"

	"foundrylab/internal/ops"
)

const brokeOff = "The connection to the backend broke off before the answer was complete. What came is not all of it; ask again."

// brokenOff is the event that tells a client that its stream will not go on, in
// the terms of the operation: SDKs make an error of it. events is how many came
// before.
func brokenOff(op *ops.Operation, events int) []byte {
	switch op.Name {
	case messagesOperation:
		return fmt.Appendf(nil, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":%q}}\n\n", brokeOff)
	case responsesOperation, "Responses_Get":
		return fmt.Appendf(nil, "event: error\ndata: {\"type\":\"error\",\"sequence_number\":%d,\"code\":\"server_error\",\"message\":%q,\"param\":null}\n\n", events, brokeOff)
	}
	return fmt.Appendf(nil, "data: {\"error\":{\"message\":%q,\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n", brokeOff)
}

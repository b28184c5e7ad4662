package simulator

import (
	"fmt"

	"foundrylab/simulator/content"
)

// someMessages refuses an empty list.
func someMessages(c *call) *content.Answer {
	if len(c.peeked.Messages) > 0 {
		return nil
	}
	return invalid("messages", "empty_array", "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.")
}

// sayingMessages refuses a message without content; only an assistant's may have none.
func sayingMessages(c *call) *content.Answer {
	i := c.peeked.Silent - 1
	if i < 0 {
		return nil
	}
	return invalid(fmt.Sprintf("messages.[%d].content", i), "", "Invalid value for 'content': expected a string, got null.")
}

// messagesOfClaude refuses what Anthropic's API has against messages. Its system prompt comes first here.
func messagesOfClaude(c *call) *content.Answer {
	list := c.peeked.Messages
	if len(list) > 0 && list[0].Role == "system" {
		list = list[1:]
	}
	if len(list) == 0 {
		return invalid("", "", "messages: at least one message is required")
	}
	for i := range list {
		if role := list[i].Role; role != "user" && role != "assistant" {
			return invalid("", "", fmt.Sprintf("messages.%d.role: Input should be 'user' or 'assistant'", i))
		}
	}
	if i := c.peeked.Silent - 1; i >= 0 {
		return invalid("", "", fmt.Sprintf("messages.%d.content: Field required", i))
	}
	return nil
}

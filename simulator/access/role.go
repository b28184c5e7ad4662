package access

import (
	"slices"
	"strings"
)

const account = "Microsoft.CognitiveServices/accounts/"

// role is a built-in role with its data actions, as far as they are about what a resource serves here.
type role struct {
	name    string
	actions []string
}

// roles are the built-in ones. Their data actions are from memory of Azure's list, not observed.
var roles = []role{
	{"Cognitive Services OpenAI User", []string{account + "OpenAI/*"}},
	{"Cognitive Services OpenAI Contributor", []string{account + "OpenAI/*"}},
	{"Cognitive Services User", []string{"Microsoft.CognitiveServices/*"}},
	{"Azure AI Developer", []string{account + "OpenAI/*", account + "MaaS/*"}},
	{"Azure AI User", []string{"Microsoft.CognitiveServices/*"}},
	{"Reader", nil}, // of the control plane: it sees the resource and may call nothing
}

// KnownRole reports whether a name is that of a built-in role, or is a data action.
func KnownRole(name string) bool {
	return slices.ContainsFunc(roles, func(r role) bool { return r.name == name }) || strings.HasPrefix(name, "Microsoft.CognitiveServices/")
}

// Roles lists the names of the built-in roles.
func Roles() []string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = r.name
	}
	return names
}

// grant reports whether any of the roles, or of the data actions among them, has the action.
func grant(names []string, action string) bool {
	for _, name := range names {
		if matches(name, action) {
			return true
		}
		for _, r := range roles {
			if r.name == name && slices.ContainsFunc(r.actions, func(pattern string) bool { return matches(pattern, action) }) {
				return true
			}
		}
	}
	return false
}

// matches reports whether a pattern, in which * stands for any text, fits the whole of an action. Azure ignores case.
func matches(pattern, action string) bool {
	pattern, action = strings.ToLower(pattern), strings.ToLower(action)
	first, rest, more := strings.Cut(pattern, "*")
	if !more {
		return pattern == action
	}
	action, ok := strings.CutPrefix(action, first)
	for ok && more {
		first, rest, more = strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(action, first)
		}
		_, action, ok = strings.Cut(action, first) // the leftmost leaves most to the rest
	}
	return false
}

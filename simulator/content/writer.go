package content

// Writer writes one planned answer of an operation, whole or in pieces. The methods for streams append whole events and
// allocate nothing when dst has room. A stream is AppendHead, AppendOpen, AppendTokens as often as wanted, AppendClose;
// or it breaks off before that, with one of the others at most. Tokens count from 0, in each choice alike.
type Writer interface {
	AppendBody(dst []byte) []byte                 // the whole answer of a request that does not stream
	AppendHead(dst []byte) []byte                 // what comes with the headers, before the first token is there
	AppendOpen(dst []byte) []byte                 // what precedes the first token
	AppendTokens(dst []byte, from, to int) []byte // tokens from to to-1
	AppendClose(dst []byte) []byte                // what follows the last token
	AppendError(dst []byte, e Answer) []byte      // an error of the service instead of the rest
	AppendBroken(dst []byte) []byte               // an event that is cut within
}

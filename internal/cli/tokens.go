package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"foundrylab/internal/tokens"
	"foundrylab/internal/yamlconf"
)

func newTokens() *cobra.Command {
	var model, encoding string
	c := &cobra.Command{
		Use:   "tokens --model MODEL [FILE|-]",
		Short: "Count the tokens of a text, as the model does",
		Long: `tokens counts a file, or the standard input, and prints the number alone. It is
the text's own count: what a conversation's form, tools and images add is not in
it. Special tokens, such as <|endoftext|>, count as the text they are written with.`,
		Example: `  foundrylab tokens --model gpt-4.1 prompt.txt
  echo "Say hello." | foundrylab tokens --model gpt-4.1
  foundrylab tokens --encoding cl100k_base prompt.txt`,
		Args: takes(0, 1, "at most one file"),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := encodingOf(model, encoding)
			if err != nil {
				return err
			}
			text, err := readText(c, args)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), e.Count(text))
			return err
		},
	}
	c.Flags().StringVar(&model, "model", "", "the `MODEL` that the text is for, such as gpt-4.1")
	c.Flags().StringVar(&encoding, "encoding", "", "count with this `VOCABULARY`, whatever the model: "+strings.Join(tokens.Encodings(), ", "))
	return c
}

// encodingOf loads the vocabulary that the flags name.
func encodingOf(model, encoding string) (*tokens.Encoding, error) {
	name := encoding
	if name == "" {
		m, known := tokens.ModelNamed(model)
		switch {
		case model == "":
			return nil, usage("name the model with --model, such as --model gpt-4.1, or a vocabulary with --encoding")
		case !known:
			return nil, usage("--model %s: unknown model%s\nA vocabulary can be named with --encoding: %s", model,
				didYouMean(model, tokens.ModelNames()), strings.Join(tokens.Encodings(), ", "))
		}
		name = m.Encoding
	}
	for _, known := range tokens.Encodings() {
		if known == name {
			return tokens.NewBPE(name)
		}
	}
	return nil, usage("--encoding %s: unknown vocabulary%s\nChoose %s", name, didYouMean(name, tokens.Encodings()), strings.Join(tokens.Encodings(), ", "))
}

func didYouMean(word string, names []string) string {
	if near, ok := yamlconf.Nearest(word, names); ok {
		return fmt.Sprintf(", did you mean %q?", near)
	}
	return ""
}

// readText reads the file that the arguments name, or the standard input.
func readText(c *cobra.Command, args []string) (string, error) {
	if len(args) == 1 && args[0] != "-" {
		src, err := readBounded(args[0])
		if err != nil {
			return "", usage("%v", err)
		}
		return string(src), nil
	}
	src, err := io.ReadAll(io.LimitReader(c.InOrStdin(), maxFile+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("standard input: %w", err)
	case len(src) > maxFile:
		return "", usage("standard input: is larger than %d MiB", maxFile>>20)
	}
	return string(src), nil
}

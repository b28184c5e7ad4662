package assert

import "strings"

// suggest returns what to add to "there is no X": the nearest of the known
// names if one is near, and all of them.
func suggest(name string, known []string, what string) string {
	if len(known) == 0 {
		return ""
	}
	text := "; " + what + ": " + strings.Join(known, ", ")
	if best := nearest(name, known); best != "" {
		text = ", did you mean " + best + "?" + strings.Replace(text, ";", "", 1)
	}
	return text
}

// nearest returns the known name with the least edit distance, the first of
// equals, or "" where every distance exceeds half of the name or 3.
func nearest(name string, known []string) string {
	best, least := "", 1+min(3, max(1, len(name)/2))
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is the number of bytes to insert, delete or replace that makes a
// into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

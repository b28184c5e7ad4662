package yamlconf

import "strings"

// Nearest returns the candidate a mistyped word most likely meant: the one with
// the fewest edits (insert, delete, replace, swap neighbours; letter case is
// free) if there are at most max(1, len(word)/3) of them. The first of equally
// near candidates wins.
func Nearest(word string, candidates []string) (string, bool) {
	w := []rune(strings.ToLower(word))
	limit := max(1, len(w)/3)
	best, distance := "", limit+1
	for _, candidate := range candidates {
		c := []rune(strings.ToLower(candidate))
		if len(c) > len(w)+limit || len(w) > len(c)+limit {
			continue
		}
		if d := edits(w, c); d < distance {
			best, distance = candidate, d
		}
	}
	return best, distance <= limit
}

// edits is the Damerau-Levenshtein distance in which no part is edited twice
// (optimal string alignment), by rows.
func edits(a, b []rune) int {
	beforeLast, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		beforeLast, last, row = last, row, beforeLast
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], beforeLast[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

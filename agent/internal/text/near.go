package text

import "github.com/agext/levenshtein"

// Nearest returns the known word that was most likely meant, judged by the
// letters that differ; "" when none is near.
func Nearest(word string, known []string) string {
	best, nearest := "", 1+len(word)/3
	for _, k := range known {
		d := levenshtein.Distance(Lower(word), Lower(k), nil)
		if d < nearest || d == nearest && best == "" {
			best, nearest = k, d
		}
	}
	return best
}

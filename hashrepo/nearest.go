package hashrepo

import (
	"fmt"
	"strings"

	"github.com/symphony-go/symphony/internal/similar"
)

// suggestion returns the question whether a name was meant that is like an
// unknown one, or "" if none is like it.
func suggestion(unknown string, names []string) string {
	if name := nearestName(unknown, names); name != "" {
		return fmt.Sprintf("; did you mean %q?", name)
	}
	return ""
}

// nearestName returns the name that is nearest to an unknown one: at most two
// edits away, or a longer or shorter form of it. Upper and lower case are the
// same. Of names that are equally near, the first counts.
func nearestName(unknown string, names []string) string {
	const mostEdits = 2
	nearest, fewest := "", mostEdits+1
	lower := strings.ToLower(unknown)
	if len(lower) > 100 {
		return ""
	}
	for _, name := range names {
		candidate := strings.ToLower(name)
		edits := similar.Edits(lower, candidate)
		shorter := min(len(lower), len(candidate))
		isPrefix := shorter > 1 && lower[:shorter] == candidate[:shorter]
		switch {
		case isPrefix:
			edits = min(edits, mostEdits)
		case edits >= shorter:
			continue // nothing of a short name would be left
		}
		if edits < fewest {
			nearest, fewest = name, edits
		}
	}
	return nearest
}

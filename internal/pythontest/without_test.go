package pythontest_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pythontest"
)

var update = flag.Bool("update", false, "rewrite testdata/without.txt")

// The samples without an equivalent in Go are those of testdata/without.txt,
// each with its reason.
func TestWithoutEquivalent(t *testing.T) {
	const file = "testdata/without.txt"
	lines, reasons := without(t)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), strings.Join(lines, "\n")+"\n")
	require.Equal(t, map[string]int{
		pythontest.Refused: 3, pythontest.HalfPair: 1, pythontest.NoType: 24, pythontest.NoClock: 4, pythontest.OfEnum: 10,
		pythontest.Repr: 57, pythontest.Empty: 10, pythontest.NotParts: 2,
	}, reasons)
}

func without(t *testing.T) (lines []string, reasons map[string]int) {
	t.Helper()
	reasons = map[string]int{}
	note := func(kind, name, reason string) {
		if reason != "" {
			lines = append(lines, fmt.Sprintf("%s\t%s\t%s", kind, name, reason))
			reasons[reason]++
		}
	}
	s := pythontest.Load(t)
	for _, sample := range s.Values {
		note("value", sample.Name, sample.Value.Without())
	}
	for _, k := range s.Keys {
		note("key", fmt.Sprintf("%s %q", k.Builder, k.Parts), k.Without())
	}
	for _, r := range s.Records {
		note("record", r.ID, r.Without())
	}
	slices.Sort(lines)
	return lines, reasons
}

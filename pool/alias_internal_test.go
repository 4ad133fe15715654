package pool

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// The comment of Alias and the check name the same characters.
func TestCharactersOfAliases(t *testing.T) {
	source, err := os.ReadFile("alias.go")
	require.NoError(t, err)
	listed := regexp.MustCompile(`(?m)^//\t(: .*)$`).FindStringSubmatch(string(source))
	require.Len(t, listed, 2)
	require.False(t, Alias("").valid())
	for r := range rune(0x3000) {
		refused := unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(listed[1], r)
		require.Equal(t, !refused, Alias("a"+string(r)).valid(), "%q", r)
	}
	var errs configErrors
	checkAlias(&errs, "URLs", "a:b")
	require.ErrorContains(t, errs[0], listed[1])
}

package keyspace_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/keyspace"
)

// For every key, Beside returns a reserved key in the same slot, and different
// keys have different results.
func TestBesideSharesTheSlotAndIsUnique(t *testing.T) {
	text := func(t *rapid.T, label string) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
			"{", "}", "{", "}", "a", "b", ":", "%", "mail", "{a}", "lease", "\xff",
		}), 1, 8).Draw(t, label), "")
	}
	rapid.Check(t, func(t *rapid.T) {
		one, other := text(t, "one"), text(t, "other")
		a, b := keyspace.Beside("lease", one), keyspace.Beside("lease", other)
		require.Equal(t, clusterSlot(one), clusterSlot(a), "%q %q", one, a)
		require.True(t, strings.HasPrefix(a, "%lease:") || strings.HasPrefix(a, "%lease%:"))
		require.Equal(t, one == other, a == b, "%q and %q give %q", one, other, a)
		require.NotEqual(t, a, keyspace.Beside("le", one))
		kind, parsed, ok := keyspace.ParseBeside(a)
		require.True(t, ok, a)
		require.Equal(t, []string{"lease", one}, []string{kind, parsed}, a)
		if kind, parsed, ok := keyspace.ParseBeside(one); ok {
			require.Equal(t, one, keyspace.Beside(kind, parsed))
		}
		// Keys that resemble the result must not share it either.
		require.NotEqual(t, a, keyspace.Beside("lease", "{"+one+"}"))
		require.NotEqual(t, a, keyspace.Beside("lease", a[strings.IndexByte(a, ':')+1:]+"x"))
		if rest := a[strings.IndexByte(a, ':')+1:]; rest != one {
			require.NotEqual(t, a, keyspace.Beside("lease", rest), "%q", rest)
		}
	})
}

func TestBesideReachesEverySlot(t *testing.T) {
	seen := make([]bool, 16384)
	for i, left := 0, len(seen); left > 0; i++ {
		key := "a}" + strconv.Itoa(i)
		slot := clusterSlot(key)
		if seen[slot] {
			continue
		}
		seen[slot], left = true, left-1
		beside := keyspace.Beside("k", key)
		if clusterSlot(beside) != slot || !besideTag.MatchString(beside) {
			t.Fatalf("%q is in slot %d, %q in %d", key, slot, beside, clusterSlot(beside))
		}
	}
}

var besideTag = regexp.MustCompile(`^%k%:\{[0-9A-Za-z]{3}\}a\}`)

func TestBeside(t *testing.T) {
	for key, want := range map[string]string{
		"acme:user:u1":                "%lease:{acme:user:u1}",
		"acme:user:a{b":               "%lease:{acme:user:a{b}",
		"pending_batches:{mail}":      "%lease:pending_batches:{mail}",
		"acme{s3}:EXPTRIGGER:send:42": "%lease:acme{s3}:EXPTRIGGER:send:42",
		"{mail}:x":                    "%lease:{mail}:x",
		"{mail}":                      "%lease%:{mail}",
		"}{mail}":                     "%lease:}{mail}",
	} {
		require.Equal(t, want, keyspace.Beside("lease", key))
		require.Equal(t, clusterSlot(key), clusterSlot(want))
	}
	for _, key := range []string{"a}b", "{}x", "{}", "}", "}{", "a}{b", "{}{a}"} {
		got := keyspace.Beside("lease", key)
		require.True(t, strings.HasPrefix(got, "%lease%:{"), got)
		require.True(t, strings.HasSuffix(got, "}"+key), got)
		require.Equal(t, clusterSlot(key), clusterSlot(got), got)
	}
}

func TestParseBesideOfOtherKeys(t *testing.T) {
	for _, key := range []string{"", "%", "acme:user:u1", "%lease", "%lease:", "%lease:acme", "%Lease:{acme}", "%25:{acme}", "%lease:{}", "%lease%:{abc}a}b", "%exp:due:send"} {
		kind, parsed, ok := keyspace.ParseBeside(key)
		require.False(t, ok, "%q: %q %q", key, kind, parsed)
	}
}

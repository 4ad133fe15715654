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

// clusterSlot is the slot of a key as the cluster specification has it.
func clusterSlot(key string) int {
	if s := strings.IndexByte(key, '{'); s >= 0 {
		if e := strings.IndexByte(key[s+1:], '}'); e > 0 {
			key = key[s+1 : s+1+e]
		}
	}
	crc := 0
	for _, b := range []byte(key) {
		for bit := 7; bit >= 0; bit-- {
			out := crc>>15&1 ^ int(b)>>bit&1
			crc = crc << 1 & 0xffff
			if out == 1 {
				crc ^= 0x1021
			}
		}
	}
	return crc % 16384
}

func TestClusterSlotIsRedis(t *testing.T) {
	require.Equal(t, 0x31C3, clusterSlot("123456789")) // the specification's own check value
	require.Equal(t, 12182, clusterSlot("foo"))
	require.Equal(t, clusterSlot("foo"), clusterSlot("a{foo}b"))
	require.NotEqual(t, clusterSlot("foo"), clusterSlot("{}foo"))
}

// Whatever the key, what stands beside it is in its slot, is the library's own,
// and belongs to that key alone.
func TestBesideSharesTheSlotAndNothingElse(t *testing.T) {
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
		// The other ways to say it must not meet it either.
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

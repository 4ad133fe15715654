package similar

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"name", "name", 0}, {"", "name", 4}, {"name", "", 4},
		{"name", "nam", 1}, {"emial", "email", 2}, {"kitten", "sitting", 3},
	} {
		require.Equal(t, c.want, Edits(c.a, c.b), "%q, %q", c.a, c.b)
	}
}

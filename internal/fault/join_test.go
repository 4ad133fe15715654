package fault_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/fault"
)

// The text of a joined error has a bounded length, and Unwrap returns all of
// its parts.
func TestJoin(t *testing.T) {
	for n, last := range map[int]string{
		1:         "error 0",
		10:        "error 9",
		11:        "... and 1 more",
		1_009:     "... and 999 more",
		1_010:     "... and 1,000 more",
		20_000:    "... and 19,990 more",
		1_000_010: "... and 1,000,000 more",
	} {
		errs := make([]error, n)
		for i := range errs {
			errs[i] = fmt.Errorf("error %d", i)
		}
		errs[n-1] = fmt.Errorf("error %d%w", n-1, silentError{})
		joined := fault.Join(errs...)
		lines := strings.Split(joined.Error(), "\n")
		require.Len(t, lines, min(n, 11))
		require.Equal(t, "error 0", lines[0])
		require.Equal(t, last, lines[len(lines)-1])
		require.ErrorIs(t, joined, silentError{}, "the last of %d", n)
		require.True(t, slices.Equal(errs, joined.(interface{ Unwrap() []error }).Unwrap()), n)
	}
}

type silentError struct{}

func (silentError) Error() string { return "" }

// Parts of joined errors count one by one, and the errors that were joined do
// not change.
func TestJoinOfJoined(t *testing.T) {
	require.NoError(t, fault.Join())
	require.NoError(t, fault.Join(nil, nil))

	nine := make([]error, 9)
	for i := range nine {
		nine[i] = fmt.Errorf("error %d", i)
	}
	inner := fault.Join(nine...)
	require.EqualError(t, fault.Join(nil, inner, io.EOF, nil), errors.Join(slices.Concat(nine, []error{io.EOF})...).Error())
	outer := fault.Join(inner, inner, io.EOF)
	require.True(t, strings.HasSuffix(outer.Error(), "\nerror 0\n... and 9 more"), outer)
	require.Len(t, outer.(interface{ Unwrap() []error }).Unwrap(), 19)
	require.EqualError(t, inner, errors.Join(nine...).Error())
}

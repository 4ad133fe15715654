package retry

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDecisions(t *testing.T) {
	type want struct {
		givesUp bool
		delay   time.Duration
		delays  bool
	}
	later := After(time.Second, io.EOF)
	for name, c := range map[string]struct {
		err  error
		want want
	}{
		"nil":                        {nil, want{}},
		"neither":                    {io.EOF, want{}},
		"GiveUp":                     {GiveUp(io.EOF), want{givesUp: true}},
		"After":                      {later, want{delay: time.Second, delays: true}},
		"After 0":                    {After(0, io.EOF), want{delays: true}},
		"a negative delay":           {After(-time.Second, io.EOF), want{delays: true}},
		"wrapped GiveUp":             {fmt.Errorf("x: %w", GiveUp(io.EOF)), want{givesUp: true}},
		"wrapped After":              {fmt.Errorf("x: %w", later), want{delay: time.Second, delays: true}},
		"joined GiveUp":              {errors.Join(io.EOF, GiveUp(io.EOF)), want{givesUp: true}},
		"joined After":               {errors.Join(io.EOF, later), want{delay: time.Second, delays: true}},
		"the outermost is GiveUp":    {GiveUp(fmt.Errorf("x: %w", later)), want{givesUp: true}},
		"the outermost is After":     {After(time.Minute, fmt.Errorf("x: %w", GiveUp(io.EOF))), want{delay: time.Minute, delays: true}},
		"the outermost of two":       {After(time.Minute, later), want{delay: time.Minute, delays: true}},
		"the first joined is After":  {errors.Join(later, GiveUp(io.EOF)), want{delay: time.Second, delays: true}},
		"the first joined is GiveUp": {errors.Join(GiveUp(io.EOF), later), want{givesUp: true}},
	} {
		t.Run(name, func(t *testing.T) {
			delay, delays := DelayOf(c.err)
			require.Equal(t, c.want, want{GivesUp(c.err), delay, delays})
		})
	}
}

// A decision adds nothing to the text, and hides nothing.
func TestDecisionsWrapTheirError(t *testing.T) {
	for _, err := range []error{GiveUp(io.EOF), After(time.Second, io.EOF)} {
		require.ErrorIs(t, err, io.EOF)
		require.EqualError(t, err, io.EOF.Error())
	}
	require.NoError(t, GiveUp(nil))
	require.NoError(t, After(time.Second, nil))
}

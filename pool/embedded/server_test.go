package embedded

import (
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
)

// A client that is asked for when Open has given up must not revive the server.
func TestALateClientGetsNoServer(t *testing.T) {
	s, err := start()
	require.NoError(t, err)
	newClient := s.wrap(func(rueidis.ClientOption) (rueidis.Client, error) {
		t.Error("asked for a client of a stopped server")
		return nil, nil
	})
	s.release()
	_, err = newClient(rueidis.ClientOption{})
	require.ErrorContains(t, err, "stopped")
}

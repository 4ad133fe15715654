package embedded

import (
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
)

// A client that is created after Open has returned an error must not restart
// the server.
func TestNewClientAfterTheServerHasStopped(t *testing.T) {
	s, err := startServer()
	require.NoError(t, err)
	newClient := s.wrapNewClient(func(rueidis.ClientOption) (rueidis.Client, error) {
		t.Error("created a client of a stopped server")
		return nil, nil
	})
	s.release()
	_, err = newClient(rueidis.ClientOption{})
	require.ErrorContains(t, err, "stopped")
}

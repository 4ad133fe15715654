package recipes_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// openManaged opens pools on a managed server. The environment describes it:
//
//	REDIS_URL=rediss://redis.example.com:6380
//	SYMPHONY_USER=app
//	SYMPHONY_PASSWORD_FILE=/run/secrets/redis # is read anew, so it may change
//	SYMPHONY_SINGLE_DATABASE=true             # most managed servers have one
//	SYMPHONY_TLS_CA_FILE=/etc/redis-ca.pem    # if it has an authority of its own
func openManaged(ctx context.Context) (*pool.Pools, error) {
	cfg, err := pool.FromEnv()
	if err != nil {
		return nil, err // a misspelt variable is named
	}
	return pool.Open(ctx, cfg)
}

// A managed server: TLS, a user whose password changes, one database, and no
// right to run CONFIG.
func TestManaged(t *testing.T) {
	if _, err := os.Stat("/sys/class/net/lo"); err != nil {
		t.Skip("only Linux has the address 127.0.0.2")
	}
	ca := redistest.NewAuthority(t)
	server := ca.Server(t, "127.0.0.2", "databases 1")
	admin := server.Client(t, 0)
	user := []string{"SETUSER", "app", "on", ">first", "~*", "&*", "+@all", "-config"}
	require.NoError(t, admin.Do(t.Context(), admin.B().Arbitrary("ACL").Args(user...).Build()).Error())
	secret := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(secret, []byte("first\n"), 0o600))
	for name, value := range map[string]string{
		"REDIS_URL":                "rediss://" + server.TLSAddr(),
		"SYMPHONY_USER":            "app",
		"SYMPHONY_PASSWORD_FILE":   secret,
		"SYMPHONY_SINGLE_DATABASE": "true",
		"SYMPHONY_TLS_CA_FILE":     ca.CertificateFile("ca"),
	} {
		t.Setenv(name, value)
	}
	pools, err := openManaged(t.Context())
	require.NoError(t, err)
	defer pools.Close()
	accounts, err := symphony.NewUser[Account](pools, "acme", symphony.NoTTL())
	require.NoError(t, err)
	require.NoError(t, accounts.Upsert(t.Context(), "u1", Account{"Alice", "alice@example.com"}))

	// A new connection uses the new password.
	change := []string{"SETUSER", "app", "<first", ">second"}
	require.NoError(t, admin.Do(t.Context(), admin.B().Arbitrary("ACL").Args(change...).Build()).Error())
	require.NoError(t, os.WriteFile(secret, []byte("second\n"), 0o600))
	again, err := openManaged(t.Context())
	require.NoError(t, err)
	again.Close()

	t.Setenv("SYMPHONY_SINGLE_DB", "true")
	_, err = openManaged(t.Context())
	require.ErrorContains(t, err, "SYMPHONY_SINGLE_DATABASE")
}

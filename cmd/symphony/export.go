package main

import (
	"context"
	"errors"
	"flag"
	"os"

	"github.com/symphony-go/symphony"
)

var exportCommand = command{
	name: "export", args: "TENANT", summary: "write what a tenant stores to a file, for import",
	setup: func(flags *flag.FlagSet) func(context.Context, *session) error {
		file := flags.String("o", "", "the `FILE` to write, which must not exist; without it, the standard output")
		opts := poolFlag(flags)
		return func(ctx context.Context, s *session) error {
			switch {
			case len(s.args) != 1:
				return usagef("export takes one tenant")
			case *file == "" && s.outIsTerminal:
				return usagef("an export is not for a terminal; add -o FILE, or redirect the output")
			}
			return s.export(ctx, s.args[0], *file, opts())
		}
	},
}

// export writes the export of a tenant. It removes a file that is not complete.
func (s *session) export(ctx context.Context, tenant, name string, opts []symphony.Option) error {
	s.walks(ctx, 1)
	if name == "" {
		return symphony.Export(ctx, s.pools, tenant, s.out, opts...)
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(symphony.Export(ctx, s.pools, tenant, file, opts...), file.Close())
	if err != nil {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

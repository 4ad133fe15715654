package pool

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/rights"
)

// RightsReport describes a repository that the Redis user of an alias may not
// use in full. A service needs the rights of the repositories that it uses.
type RightsReport struct {
	Alias      Alias
	Repository string   // or another row of the table in docs/security.md
	Missing    []string // rules of ACL SETUSER, such as +time
}

// reportRights returns what the users of the aliases lack. If it cannot find
// out, unchecked is the reason.
func (p *Pools) reportRights(ctx context.Context) (reports []RightsReport, unchecked string, errs []error) {
	known := map[string]map[string]bool{} // the refused rules, by server and user
	byAlias := map[Alias]map[string]bool{}
	for _, a := range p.Aliases() {
		user, err := p.clients[a].Do(ctx, p.clients[a].B().AclWhoami().Build()).ToString()
		of := p.clients[a].server.addr + " " + user
		if known[of] == nil && err == nil {
			known[of], err = p.refused(ctx, a, user)
		}
		switch refused, answered := rueidis.IsRedisErr(err); {
		case answered && strings.HasPrefix(refused.Error(), "NOPERM"):
			unchecked = "the Redis user may not run ACL WHOAMI and ACL DRYRUN; add +acl|whoami +acl|dryrun, or compare its rules with docs/security.md"
		case answered:
			unchecked = "the server has no ACL DRYRUN; compare the rules of the user with docs/security.md"
		case err != nil:
			errs = append(errs, &OpError{Op: "Report", Pool: a, Err: fmt.Errorf("the rights: %w", err)})
		default:
			byAlias[a] = known[of]
		}
	}
	for _, row := range rights.Rows {
		a := Alias(row.Alias)
		missing := slices.DeleteFunc(slices.Clone(row.Commands), func(rule string) bool { return !byAlias[a][rule] })
		if len(missing) > 0 {
			reports = append(reports, RightsReport{a, row.Name, missing})
		}
	}
	slices.SortFunc(reports, func(a, b RightsReport) int {
		return cmp.Or(cmp.Compare(a.Alias, b.Alias), cmp.Compare(a.Repository, b.Repository))
	})
	return reports, unchecked, errs
}

// mostDryArgs is the most arguments that a command in a row needs.
const mostDryArgs = 5

// refused returns the rules of all rows that a user lacks. ACL DRYRUN runs
// nothing, but wants the number of arguments that the command takes, so it is
// sent with each number of them.
func (p *Pools) refused(ctx context.Context, a Alias, user string) (map[string]bool, error) {
	client := p.clients[a]
	var rules []string
	for _, row := range rights.Rows {
		rules = append(rules, row.Commands...)
	}
	slices.Sort(rules)
	rules = slices.Compact(rules)
	var cmds rueidis.Commands
	for _, rule := range rules {
		words := strings.Split(strings.TrimPrefix(rule, "+"), "|")
		for n := range mostDryArgs + 1 {
			args := append(slices.Clone(words), slices.Repeat([]string{"1"}, n)...)
			cmds = append(cmds, client.B().AclDryrun().Username(user).Command(args[0]).Arg(args[1:]...).Build())
		}
	}
	all := map[string]bool{}
	for i, reply := range client.DoMulti(ctx, cmds...) {
		text, err := reply.ToString()
		if refused, ok := rueidis.IsRedisErr(err); ok && isAboutTheCommand(refused.Error()) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if strings.Contains(text, "run the '") {
			all[rules[i/(mostDryArgs+1)]] = true
		}
	}
	return all, nil
}

// isAboutTheCommand reports whether an error of ACL DRYRUN is about the command
// in its arguments.
func isAboutTheCommand(text string) bool {
	return strings.Contains(text, "wrong number of arguments for") && !strings.Contains(text, "acl") || strings.Contains(text, "not found")
}

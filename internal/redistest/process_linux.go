package redistest

import (
	"os/exec"
	"syscall"
)

// startTied starts cmd so that the kernel kills it when this process ends,
// however that comes about.
func startTied(cmd *exec.Cmd) (release func(), err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return func() {}, cmd.Start()
}

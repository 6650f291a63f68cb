_wharf__ftpd() {
    local i cur prev opts cmd
    COMPREPLY=()
    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        cur="$2"
    else
        cur="${COMP_WORDS[COMP_CWORD]}"
    fi
    prev="$3"
    cmd=""
    opts=""

    for i in "${COMP_WORDS[@]:0:COMP_CWORD}"
    do
        case "${cmd},${i}" in
            ",$1")
                cmd="wharf__ftpd"
                ;;
            *)
                ;;
        esac
    done

    case "${cmd}" in
        wharf__ftpd)
            opts="-S -4 -6 -p -P -N -w -W -b -V -H -v -e -E -F -l -a -A -j -u -i -s -M -r -0 -z -D -x -X -U -k -K -G -R -Z -8 -9 -c -C -y -t -T -q -Q -m -I -L -n -f -1 -d -O -Y -J -2 -3 -B -g -o -h --bind --listen --ipv4only --ipv6only --passiveportrange --forcepassiveip --passivefor --natmode --noactive --activeport --allowuserfxp --allowanonymousfxp --brokenclientscompatibility --trustedip --dontresolve --allowfrom --denyfrom --bonjour --anonymousonly --noanonymous --anonymousroot --anonymoususer --virtualhosts --aliases --banner --bannerfile --fortunesfile --login --pamservice --nopamsession --anyshell --userlist --denyusers --trustedgid --chrooteveryone --chrootlist --nochrootlist --mapusers --mapusersasanonymous --userroot --userflags --refusewritableroot --createhomedir --minuid --anonymouscantupload --anonymousupload --antiwarez --anonymousreadown --worldreadableonly --chownuploads --anonymouscancreatedirs --autorename --notruncate --allowdotfiles --displaydotfiles --prohibitdotfileswrite --prohibitdotfilesread --umask --anonymousumask --readonly --nooverwrite --nostorerestart --fsync --nodownload --nolist --denycommands --allowcommands --denyfiles --hidefiles --hideids --maxdiskusagepct --keepallfiles --norename --nochmod --customerproof --fscharset --clientcharset --maxclientsnumber --maxclientsperip --peruserlimits --anonymousbandwidth --userbandwidth --anonymousratio --userratio --maxload --maxidletime --idletimeout --logintimeout --maxloginfailures --ban --accepttimeout --datatimeout --maxuploadsize --maxsessionbytes --maxsessionfiles --limitrecursion --quota --syslogfacility --logformat --logpid --verboselog --altlog --tls --tlsfor --plainfrom --tlsciphersuite --certfile --extcert --implicittls --tlsminversion --requiretlsreuse --tlslaxclose --tlsclientca --tlsclientcert --tlscrl --tlsclientname --tlsclientlogin --drain --daemonize --pidfile --printport --check --doctor --printflags --explain --sandbox --health --uploadscript --uploadpipe --help --version --serve --write --for --once --qr --yes"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 1 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --bind)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -S)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --listen)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --passiveportrange)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -p)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --forcepassiveip)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -P)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --passivefor)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --activeport)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --trustedip)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -V)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --allowfrom)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --denyfrom)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --bonjour)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -v)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --anonymousroot)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --anonymoususer)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --virtualhosts)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --aliases)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --banner)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --bannerfile)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --fortunesfile)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -F)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --login)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -l)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --pamservice)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --userlist)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --denyusers)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --trustedgid)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -a)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --chrootlist)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --nochrootlist)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --mapusers)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --userroot)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --userflags)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --minuid)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -u)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --chownuploads)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --umask)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -U)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --anonymousumask)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --denycommands)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --allowcommands)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --denyfiles)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --hidefiles)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --maxdiskusagepct)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -k)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --fscharset)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -8)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --clientcharset)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -9)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --maxclientsnumber)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -c)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --maxclientsperip)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -C)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --peruserlimits)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -y)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --anonymousbandwidth)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -t)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --userbandwidth)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -T)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --anonymousratio)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -q)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --userratio)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -Q)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --maxload)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -m)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --maxidletime)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -I)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --idletimeout)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --logintimeout)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --maxloginfailures)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --ban)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --accepttimeout)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --datatimeout)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --maxuploadsize)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --maxsessionbytes)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --maxsessionfiles)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --limitrecursion)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -L)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --quota)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -n)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --syslogfacility)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -f)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --logformat)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --altlog)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -O)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --tls)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -Y)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --tlsfor)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --plainfrom)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --tlsciphersuite)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -J)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --certfile)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -2)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --extcert)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -3)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --tlsminversion)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --tlsclientca)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --tlsclientcert)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --tlscrl)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --tlsclientname)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --drain)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --pidfile)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -g)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --doctor)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --sandbox)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --uploadpipe)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --serve)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --write)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --for)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
    esac
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _wharf__ftpd -o nosort -o bashdefault -o default wharf-ftpd
else
    complete -F _wharf__ftpd -o bashdefault -o default wharf-ftpd
fi

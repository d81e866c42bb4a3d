"""The rival of dosed series: one compartment with impulses, amount\x27 = -ke amount and conc = amount / (v wt), with ke and v
fitted by least squares on all but the last fifth of the subjects. Run: python one_compartment.py boluses.csv"""
import csv, sys, numpy as np
from collections import defaultdict
def load(path):
    subjects=defaultdict(lambda: dict(doses=[],looks=[],wt=None))
    for r in csv.DictReader(open(path)):
        s=subjects[r['id']]; s['wt']=float(r['wt'])
        if r['dose']: s['doses'].append((float(r['time']),float(r['dose'])))
        if r['conc']: s['looks'].append((float(r['time']),float(r['conc'])))
    return list(subjects.values())
def predict(s,ke,v):
    return np.array([sum(a*np.exp(-ke*(t-w)) for w,a in s['doses'] if w<t)/(v*s['wt']) for t,_ in s['looks']])
def resid(p,ss):
    return np.concatenate([predict(s,*p)-np.array([c for _,c in s['looks']]) for s in ss])
def fit(ss):
    p=np.array([0.01,1.0])
    for _ in range(50):
        r=resid(p,ss); J=np.stack([(resid(p+h,ss)-r)/np.abs(h).sum() for h in np.diag(1e-6*np.abs(p))],1)
        p=p-np.linalg.lstsq(J,r,rcond=None)[0]
    return p
ss=load(sys.argv[1]); n=len(ss); held=max(1,round(.2*n)); train,test=ss[:n-held],ss[n-held:]
p=fit(train); print('ke',p[0],'v',p[1],'train rmse',np.sqrt(np.mean(resid(p,train)**2)),'test rmse',np.sqrt(np.mean(resid(p,test)**2)))
